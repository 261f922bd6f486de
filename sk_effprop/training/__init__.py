"""What watches over training: history, stopping, best weights."""
