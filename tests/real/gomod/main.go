// Reads a log in C2SP form with the Go implementation of transparency logs, golang.org/x/mod/sumdb, and believes nothing.
//
//	read <directory> <verifier key>
//
// The directory holds checkpoint, tile/ and tile/entries/ as they are published; optionally proofs/*.tlog-proof and
// consistency/*: text of the old size, the old root and the proof, one a line. Prints what was checked, or exits with 1.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

// files gives x/mod the tiles of a directory. Its paths name the height of a tile (tile/8/...), those of C2SP do not.
type files struct{ directory string }

func (f files) Height() int { return height }

func (f files) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		path := strings.Replace(tile.Path(), "tile/8/", "tile/", 1)
		read, err := os.ReadFile(filepath.Join(f.directory, path))
		if err != nil {
			return nil, err
		}
		data[i] = read
	}
	return data, nil
}

func (f files) SaveTiles([]tlog.Tile, [][]byte) {}

type log struct {
	directory string
	verifier  note.Verifier
	tree      tlog.Tree
	reader    tlog.HashReader
}

// open verifies a checkpoint. x/mod reads tree sizes and roots behind the origin of the Go checksum database only.
func (l *log) open(data []byte) (tlog.Tree, error) {
	opened, err := note.Open(data, note.VerifierList(l.verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	if origin != l.verifier.Name() {
		return tlog.Tree{}, errors.New("the checkpoint is of another log")
	}
	return tlog.ParseTree([]byte("go.sum database tree\n" + rest))
}

func (l *log) start() error {
	data, err := os.ReadFile(filepath.Join(l.directory, "checkpoint"))
	if err != nil {
		return err
	}
	if l.tree, err = l.open(data); err != nil {
		return err
	}
	l.reader = tlog.TileHashReader(l.tree, files{l.directory})
	root, err := tlog.TreeHash(l.tree.N, l.reader)
	if err == nil && root != l.tree.Hash {
		err = errors.New("the tiles have another root")
	}
	return err
}

// entries compares each entry of each bundle with the leaf hash that the tiles prove.
func (l *log) entries() (int64, error) {
	var seen int64
	for seen < l.tree.N {
		tile := tlog.Tile{H: height, L: 0, N: seen >> height, W: 1 << height}
		if left := l.tree.N - seen; left < 1<<height {
			tile.W = int(left)
		}
		path := strings.Replace(tile.Path(), "tile/8/0/", "tile/entries/", 1)
		bundle, err := os.ReadFile(filepath.Join(l.directory, path))
		if err != nil {
			return seen, err
		}
		indexes := make([]int64, tile.W)
		for i := range indexes {
			indexes[i] = tlog.StoredHashIndex(0, seen+int64(i))
		}
		hashes, err := l.reader.ReadHashes(indexes)
		if err != nil {
			return seen, err
		}
		for _, hash := range hashes {
			if len(bundle) < 2 || len(bundle) < 2+int(binary.BigEndian.Uint16(bundle)) {
				return seen, errors.New("a bundle is too short")
			}
			end := 2 + int(binary.BigEndian.Uint16(bundle))
			if tlog.RecordHash(bundle[2:end]) != hash {
				return seen, fmt.Errorf("entry %d is not the one in the tree", seen)
			}
			bundle = bundle[end:]
			seen++
		}
		if len(bundle) != 0 {
			return seen, errors.New("a bundle is too long")
		}
	}
	return seen, nil
}

func hashes(lines []string) ([]tlog.Hash, error) {
	found := make([]tlog.Hash, len(lines))
	for i, line := range lines {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return nil, err
		}
		found[i] = hash
	}
	return found, nil
}

func same(a, b []tlog.Hash) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// record checks a .tlog-proof file, and that x/mod makes the same path from the tiles.
func (l *log) record(data []byte) error {
	head, checkpoint, found := bytes.Cut(data, []byte("\n\n"))
	lines := strings.Split(string(head), "\n")
	if !found || lines[0] != "c2sp.org/tlog-proof@v1" {
		return errors.New("not a proof")
	}
	lines = lines[1:]
	if len(lines) > 0 && strings.HasPrefix(lines[0], "extra ") {
		if _, err := base64.StdEncoding.DecodeString(lines[0][len("extra "):]); err != nil {
			return err
		}
		lines = lines[1:]
	}
	if len(lines) == 0 || !strings.HasPrefix(lines[0], "index ") {
		return errors.New("no index")
	}
	index, err := strconv.ParseInt(lines[0][len("index "):], 10, 64)
	if err != nil {
		return err
	}
	path, err := hashes(lines[1:])
	if err != nil {
		return err
	}
	tree, err := l.open(checkpoint)
	if err != nil {
		return err
	}
	leaf, err := l.reader.ReadHashes([]int64{tlog.StoredHashIndex(0, index)})
	if err != nil {
		return err
	}
	if err := tlog.CheckRecord(path, tree.N, tree.Hash, index, leaf[0]); err != nil {
		return err
	}
	own, err := tlog.ProveRecord(tree.N, index, l.reader)
	if err == nil && !same(own, path) {
		err = errors.New("x/mod makes another path")
	}
	return err
}

// growth checks a consistency proof from an older tree to the checkpoint's.
func (l *log) growth(data []byte) error {
	lines := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if len(lines) < 2 {
		return errors.New("not a consistency proof")
	}
	size, err := strconv.ParseInt(lines[0], 10, 64)
	if err != nil {
		return err
	}
	all, err := hashes(lines[1:])
	if err != nil {
		return err
	}
	if err := tlog.CheckTree(all[1:], l.tree.N, l.tree.Hash, size, all[0]); err != nil {
		return err
	}
	own, err := tlog.ProveTree(l.tree.N, size, l.reader)
	if err == nil && !same(own, all[1:]) {
		err = errors.New("x/mod makes another proof")
	}
	return err
}

func (l *log) each(pattern string, check func([]byte) error) (int, error) {
	names, err := filepath.Glob(filepath.Join(l.directory, pattern))
	if err != nil {
		return 0, err
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err == nil {
			err = check(data)
		}
		if err != nil {
			return 0, fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
	}
	return len(names), nil
}

func run(directory, key string) error {
	verifier, err := note.NewVerifier(key)
	if err != nil {
		return err
	}
	l := &log{directory: directory, verifier: verifier}
	if err := l.start(); err != nil {
		return err
	}
	entries, err := l.entries()
	if err != nil {
		return err
	}
	records, err := l.each("proofs/*.tlog-proof", l.record)
	if err != nil {
		return err
	}
	growths, err := l.each("consistency/*", l.growth)
	if err != nil {
		return err
	}
	fmt.Printf("entries %d proofs %d consistency %d\n", entries, records, growths)
	return nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "read <directory> <verifier key>")
		os.Exit(3)
	}
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
