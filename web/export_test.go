package web

// Gates makes the unexported function gates available to tests in package web_test.
var Gates = gates

// ProgramRoutes returns the methods and paths for programs, for tests in package web_test.
func (s *Server) ProgramRoutes() []string {
	var all []string
	for _, r := range s.programRoutes() {
		all = append(all, r.pattern)
	}
	return all
}
