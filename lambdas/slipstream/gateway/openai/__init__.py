"""OpenAI's wire: Chat Completions, Embeddings, Models and the shape of errors."""
