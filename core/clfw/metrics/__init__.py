"""How logits become an answer, and how good the answers are. No torch."""
