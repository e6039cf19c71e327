"""The commands of `mdkgen`, by what they are for; each module says what its commands take, and what they do."""
