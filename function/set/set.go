// Package set treats slices as ordered sets.
package set

import "slices"

// Union appends to list each element of more that it does not hold yet, in
// order. It never returns more itself, so that the two share no memory.
func Union[E comparable](list []E, more ...E) []E {
	for _, e := range more {
		if !slices.Contains(list, e) {
			list = append(list, e)
		}
	}
	return list
}
