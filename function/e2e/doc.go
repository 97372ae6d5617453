// Package e2e tests the whole program.
//
// A suite builds the portal as it is deployed and runs it in front of the emulator. It checks what
// callers, the emulator, the database and the log show. The package has no code besides its tests:
//
//	process    the built program, several instances on one database (instance_test.go)
//	platform   the built program behind each event platform (e2e_test.go)
//	wired      the program inside the test process (sweep_test.go)
//	deploy     s.yaml and the examples against the platform's schema (deploy_test.go)
package e2e
