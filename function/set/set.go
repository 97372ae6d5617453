// Package set treats slices as ordered sets.
package set

import "slices"

// Union appends to list each element of more that list does not contain, in order. It may change
// the memory behind list, as append does. The result never shares memory with more. It is nil
// only if list is nil and more is empty.
func Union[E comparable](list []E, more ...E) []E {
	for _, e := range more {
		if !slices.Contains(list, e) {
			list = append(list, e)
		}
	}
	return list
}
