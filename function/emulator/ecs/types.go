package ecs

import (
	"regexp"
	"strconv"
	"strings"
)

// An instanceType is the size of an instance, as the name of its instance type states it.
type instanceType struct {
	Family string // ecs.g7
	CPU    int64  // vCPUs
	Memory int64  // MiB
}

// typeName matches an instance type: group 1 is the family, group 2 the ratio of CPU to memory of
// some types, group 3 the multiple of xlarge, group 4 the size.
var typeName = regexp.MustCompile(`^(ecs\.[a-z]+[0-9]*[a-z0-9]*)(?:-c([0-9]+m[0-9]+))?` +
	`\.([0-9]*)(nano|small|medium|large|xlarge)$`)

// memoryOf are GiB per vCPU by the first letter of a family; others have 4.
var memoryOf = map[byte]int64{'c': 2, 'g': 4, 'r': 8}

// readType derives family, CPU and memory from the name of an instance type, by the vendor's rule
// for names. A name that does not follow the rule has 2 vCPUs and 8 GiB.
func readType(name string) instanceType {
	m := typeName.FindStringSubmatch(name)
	if m == nil {
		family, _, _ := strings.Cut(strings.TrimPrefix(name, "ecs."), ".")
		return instanceType{Family: "ecs." + family, CPU: 2, Memory: 8 << 10}
	}
	cpu := map[string]int64{"nano": 1, "small": 1, "medium": 1, "large": 2, "xlarge": 4}[m[4]]
	if n, err := strconv.ParseInt(m[3], 10, 64); err == nil {
		cpu *= n
	}
	ratio, known := memoryOf[m[1][len("ecs.")]]
	if !known {
		ratio = 4
	}
	memory := cpu * ratio
	if c, gib, given := strings.Cut(m[2], "m"); given {
		perCPU, _ := strconv.ParseInt(c, 10, 64)
		memory, _ = strconv.ParseInt(gib, 10, 64)
		memory = cpu * memory / max(perCPU, 1)
	}
	return instanceType{Family: m[1], CPU: cpu, Memory: memory << 10}
}
