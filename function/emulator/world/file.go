package world

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// maxFile bounds a world file, in bytes.
const maxFile = 1 << 20

// Load reads a world from YAML: the keys are those of the yaml tags of
// [World]. It is strict, because a world that is not what its author meant
// makes every test that runs in it worthless: unknown and repeated keys,
// anchors, aliases, tags, a second document and anything that [World.Check]
// objects to are errors.
func Load(r io.Reader) (*World, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, errors.New("the world file is larger than 1 MiB")
	}
	if err := checkYAML(text); err != nil {
		return nil, err
	}
	dec := yaml.NewDecoder(bytes.NewReader(text))
	dec.KnownFields(true)
	w := &World{}
	if err := dec.Decode(w); err != nil {
		return nil, err
	}
	return w, w.Check()
}

// checkYAML refuses what the decoder would silently resolve.
func checkYAML(text []byte) error {
	dec := yaml.NewDecoder(bytes.NewReader(text))
	var doc, second yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		return errors.New("the file is empty")
	case err != nil:
		return err
	}
	if err := dec.Decode(&second); !errors.Is(err, io.EOF) {
		return errors.New("the world file holds more than one document")
	}
	return checkNode(&doc)
}

// checkNode names the line of the first thing that is not plain data. Not even
// ~ and null pass: a key without a value is a forgotten one.
func checkNode(n *yaml.Node) error {
	switch {
	case n.Anchor != "" || n.Kind == yaml.AliasNode:
		return fmt.Errorf("line %d: anchors and aliases are not taken", n.Line)
	case n.Style&yaml.TaggedStyle != 0:
		return fmt.Errorf("line %d: tags are not taken", n.Line)
	case n.Tag == "!!null":
		return fmt.Errorf("line %d: a value is missing", n.Line)
	}
	for _, child := range n.Content {
		if err := checkNode(child); err != nil {
			return err
		}
	}
	return nil
}
