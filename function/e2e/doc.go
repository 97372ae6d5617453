// Package e2e tests the whole program.
//
// The suites build and run the portal as it is deployed, in front of the emulator,
// and judge it by what its callers, the emulator, its database and its log show.
// The package has no code of its own.
package e2e
