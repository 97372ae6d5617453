//go:build race

package aliyun_test

// raced reports whether the race detector is on. The detector makes each call about ten times
// slower.
const raced = true
