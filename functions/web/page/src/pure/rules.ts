// A repetition as the form of a task shows it, and as the API has it.

import type { Rule } from "../model.ts";

export const WEEKDAYS = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;

export type Kind = "none" | "daily" | "weekdays" | "weekly" | "monthly" | "yearly" | "rrule";

export interface RuleForm {
  kind: Kind;
  interval: number;
  weekdays: string[];
  ends: "never" | "until" | "count";
  until: string;
  count: number;
  anchor: "due" | "completion";
  rrule: string;
}

const BLANK: RuleForm = {
  kind: "none", interval: 1, weekdays: [], ends: "never", until: "", count: 10, anchor: "due", rrule: "",
};

/** Gives the form of a rule. What the form has no field for is shown as its RRULE, so that no part of it is lost. */
export function formOf(rule: Rule | null): RuleForm {
  if (!rule) return BLANK;
  const anchor = rule.anchor ?? "due";
  const rrule = rule.rrule ?? "";
  const asText = { ...BLANK, kind: "rrule" as const, rrule, anchor };
  if (!rule.pattern || rule.month_days?.length) return asText;
  // A time in `until` has no field, only a day.
  if (rule.until && !/^\d{4}-\d\d-\d\d$/.test(rule.until)) return asText;
  const weekdays = [...(rule.weekdays ?? [])];
  const interval = rule.interval ?? 1;
  const isWorkdays = rule.pattern === "weekly" && interval === 1 && weekdays.slice().sort().join() === "fri,mon,thu,tue,wed";
  return {
    ...BLANK,
    kind: isWorkdays ? "weekdays" : rule.pattern,
    interval,
    weekdays,
    anchor,
    rrule,
    ends: rule.count ? "count" : rule.until ? "until" : "never",
    count: rule.count ?? BLANK.count,
    until: rule.until ?? "",
  };
}

/** Gives the rule of a form; null: it does not repeat. */
export function ruleOf(form: RuleForm, before: Rule | null): Rule | null {
  if (form.kind === "none") return null;
  const rule: Rule = {};
  if (form.anchor === "completion") rule.anchor = "completion";
  if (before?.catch_up) rule.catch_up = true;
  if (form.kind === "rrule") return { ...rule, rrule: form.rrule.trim() };
  rule.pattern = form.kind === "weekdays" ? "weekly" : form.kind;
  if (form.kind === "weekdays") rule.weekdays = ["mon", "tue", "wed", "thu", "fri"];
  else {
    rule.interval = Math.min(Math.max(Math.trunc(form.interval) || 1, 1), 1000);
    if (form.kind === "weekly" && form.weekdays.length) rule.weekdays = WEEKDAYS.filter((day) => form.weekdays.includes(day));
  }
  if (form.ends === "count") rule.count = Math.min(Math.max(Math.trunc(form.count) || 1, 1), 100_000);
  if (form.ends === "until" && form.until) rule.until = form.until;
  return rule;
}
