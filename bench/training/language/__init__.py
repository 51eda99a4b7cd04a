"""Training recurrent architectures as language models; perplexity is what is measured."""
