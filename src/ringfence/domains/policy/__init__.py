"""The policy as it is published: its versions, who is bound to which, and what breaks it now."""
