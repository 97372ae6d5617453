//go:build chaosclock

// Package control changes the program for the schedules of package chaos.
//
// The package exists only in a build with the tag chaosclock. The deployed program is
// built without the tag. At the start, the package reads three environment variables:
//
//	CHAOS_CLOCK   | path of a file: nanoseconds by which this process's clock is ahead
//	CHAOS_SPEED   | a whole number by which the windows of time are divided; 1 if empty
//	CHAOS_WITHOUT | the guards that are off, separated by commas: record, durability, clock
package control

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// These constants name the guards of the program that CHAOS_WITHOUT can switch off.
const (
	Record     = "record"     // each attempt is built from the stored record
	Durability = "durability" // each session commits durably
	Clock      = "clock"      // each write compares the clocks in its own statement
)

var (
	file    = os.Getenv("CHAOS_CLOCK")
	speed   = readSpeed(os.Getenv("CHAOS_SPEED"))
	without = strings.Split(os.Getenv("CHAOS_WITHOUT"), ",")
)

// Now returns the wall clock plus the offset that the file CHAOS_CLOCK contains at this moment. It
// panics if it cannot read the file, because the process would run with the wrong clock.
func Now() time.Time {
	now := time.Now().Round(0)
	if file == "" {
		return now
	}
	text, err := os.ReadFile(file)
	if err != nil {
		panic(err)
	}
	offset, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		panic(err)
	}
	return now.Add(time.Duration(offset))
}

// Scaled returns d divided by CHAOS_SPEED.
func Scaled(d time.Duration) time.Duration { return d / speed }

// Off reports whether CHAOS_WITHOUT names the guard, so that the guard is switched off.
func Off(guard string) bool { return slices.Contains(without, guard) }

func readSpeed(text string) time.Duration {
	if text == "" {
		return 1
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		panic("CHAOS_SPEED is not a whole number from 1: " + text)
	}
	return time.Duration(n)
}
