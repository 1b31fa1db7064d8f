"""From a question to what is said: answers from the documents or by a model, questions back, or a person."""
