"""The compiler: .mdkspec in, checked model and generated packages out."""
