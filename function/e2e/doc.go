// Package e2e tests the whole program.
//
// The tests build the portal as it is deployed and run it in front of the emulator. They check the
// answers to callers, the calls that the emulator received, the database and the log. The package
// contains only tests, of four kinds:
//
//	process    the built program, several instances on one database (instance_test.go)
//	platform   the built program behind each event platform (e2e_test.go)
//	wired      the program inside the test process (sweep_test.go)
//	deploy     s.yaml and the examples against the platform's schema (deploy_test.go)
package e2e
