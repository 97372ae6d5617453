//go:build !race

package aliyun_test

const raced = false
