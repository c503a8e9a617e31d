// Linked with one library, whole, and nothing else: shows that the library names all it needs.
int main() { return 0; }
