package web

// Gates is for tests from outside.
var Gates = gates
