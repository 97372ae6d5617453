package web

// Gates exports gates for tests in package web_test.
var Gates = gates
