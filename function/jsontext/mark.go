package jsontext

import "bytes"

// ByteOrderMark is the mark that some editors and senders write before a text in UTF-8. It is
// not part of the JSON, and a reader may skip it (RFC 8259, section 8.1).
const ByteOrderMark = "\ufeff"

// TrimMark returns data without a byte order mark at its beginning.
func TrimMark(data []byte) []byte { return bytes.TrimPrefix(data, []byte(ByteOrderMark)) }
