"""Single kit lines and kit components: make, change or delete one, and read it back."""
