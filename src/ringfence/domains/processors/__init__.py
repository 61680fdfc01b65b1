"""Who receives data: registered processors, and the record of everything that left."""
