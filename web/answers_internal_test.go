package web

import "testing"

// TestAnswerWordsMatchAnswerTypes proves that every member of the API's answers has an entry in
// the table of descriptions, and that no entry is left over.
func TestAnswerWordsMatchAnswerTypes(t *testing.T) {
	w := schemaWriter{words: answerWords(), written: map[string]bool{}}
	for name, answer := range answerTypes() {
		w.object(name, answer)
	}
	for path := range w.words {
		if !w.written[path] {
			t.Errorf("%s describes no field of an answer", path)
		}
	}
	for path := range w.written {
		_, known := w.words[path]
		_, whole := answerTypes()[path]
		item := path[len(path)-1] == ']' || path[len(path)-1] == '}'
		if !known && !whole && !item {
			t.Errorf("%s has no entry", path)
		}
	}
}
