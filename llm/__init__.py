"""Talks to models: embeddings, reranking, chat. Knows no document and no customer."""
