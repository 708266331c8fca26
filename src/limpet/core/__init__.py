"""The decision and the nouns: values in, values out."""
