"""The backend ``onnxruntime``. Empty: Triton loads ``model.py`` as a file."""
