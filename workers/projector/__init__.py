"""The projector: follows labels and failures into Redis track views."""
