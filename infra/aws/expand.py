"""Writes infra/aws/template.yaml as CloudFormation gets it, after the transform, as JSON to standard output.

Checkers see little of a serverless application's own resources; of what they become they see all. Takes the virtual environment of
cfn-lint (infra/local/install-tool cfn-lint).
"""

import json
import pathlib
import sys

from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

template = yaml_parse(pathlib.Path(sys.argv[1]).read_text())
for resource in template["Resources"].values():
    if resource["Type"] == "AWS::Serverless::Function":
        # A name of what is uploaded before: the transform takes no folder.
        name = pathlib.Path(resource["Properties"]["CodeUri"]).name
        resource["Properties"]["CodeUri"] = f"s3://artifacts/{name}.zip"
# What a managed policy is called, which the service is asked for otherwise; the template names them by their ARNs.
translator = Translator(managed_policy_map={"none": "arn:aws:iam::aws:policy/none"}, sam_parser=Parser())
expanded = translator.translate(template, parameter_values={})
json.dump(expanded, sys.stdout, indent=1)
