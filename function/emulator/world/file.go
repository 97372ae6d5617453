package world

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"go.yaml.in/yaml/v3"
)

// maxFile is the maximum size of a world file in bytes: 1 MiB.
const maxFile = 1 << 20

// Load reads a world from YAML; the keys are the yaml tags of [World]. A test with a wrong
// world proves nothing, so Load refuses everything that could be a mistake of the author. These
// are unknown and repeated keys, anchors, aliases, tags, empty values, a second document, and
// every mistake that [World.Check] reports.
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

// checkYAML returns an error for YAML that the decoder would accept without a message.
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

// checkNode returns an error with the line of the first node that is not plain data. It refuses ~
// and null too: a key without a value was probably forgotten.
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
