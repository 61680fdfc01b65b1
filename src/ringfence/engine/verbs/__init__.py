"""What can happen to a call: verbs as values (engine.ports) and how each is carried out."""
