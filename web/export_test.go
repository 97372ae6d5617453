package web

// Gates is exported for the external tests.
var Gates = gates
