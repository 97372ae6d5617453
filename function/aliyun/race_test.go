//go:build race

package aliyun_test

// raced reports whether the race detector is on. It makes each call about ten times slower.
const raced = true
