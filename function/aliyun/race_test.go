//go:build race

package aliyun_test

// raced says that the race detector watches, which makes each call cost ten.
const raced = true
