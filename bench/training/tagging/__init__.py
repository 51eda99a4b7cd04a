"""Training recurrent architectures to tag the words of a sentence: chunking and named entities."""
