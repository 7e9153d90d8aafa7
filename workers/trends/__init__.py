"""What is being labeled now: windowed counts of labels and failures, kept in Faust tables."""
