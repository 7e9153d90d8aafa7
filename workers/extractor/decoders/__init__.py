"""From the bytes of a file to blocks of samples, by the libraries that know how."""
