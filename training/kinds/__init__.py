"""The kinds of training, a module each: from a configuration to its subject."""
