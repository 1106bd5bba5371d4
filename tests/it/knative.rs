//! The stand-in for Knative is no kinder than Knative.
