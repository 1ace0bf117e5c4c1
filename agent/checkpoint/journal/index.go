// SPDX-License-Identifier: Apache-2.0

package journal

// index says where the value of each key lies. A record costs its key and about 100 bytes here, however large its value is.
type index struct {
	places map[string]place
	live   int64 // bytes that the records of places take in a body
}

func newIndex() index { return index{places: map[string]place{}} }

func (i *index) put(key string, p place) {
	i.remove(key)
	i.places[key] = p
	i.live += recordSize + int64(len(key)) + int64(p.length)
}

// remove forgets a key; an absent one is no error.
func (i *index) remove(key string) {
	if p, ok := i.places[key]; ok {
		i.live -= recordSize + int64(len(key)) + int64(p.length)
		delete(i.places, key)
	}
}
