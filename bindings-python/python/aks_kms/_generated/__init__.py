"""What is generated of the crate's own types.

Generated from bindings/schema.json by `bindings-python/generate`: change it there.
"""
