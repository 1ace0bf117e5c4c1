// SPDX-License-Identifier: Apache-2.0

package allocate

// preferences is, a row a virtual router, the order in which it prefers the directors, by their places. It was found by a search for
// these laws, which tests hold, for up to 16 virtual routers and directors in the first places:
//
//   - Of a multiple of the directors, as many virtual routers prefer each; of another number as many as are its share, or one more or less.
//   - When a director dies that several preferred, these do not all go to the same other one.
//
// No rule of arithmetic has both: if each row is the one before turned by one, all that a dead director had goes to its neighbour.
// And a hash of router and director, which would need no table, gives two directors two virtual routers of one preference as often as
// not.
var preferences = [MaxRouters][16]uint8{
	{4, 8, 1, 6, 15, 9, 2, 10, 5, 11, 14, 13, 3, 12, 7, 0},
	{6, 14, 0, 12, 11, 4, 13, 7, 1, 15, 9, 2, 5, 8, 3, 10},
	{2, 15, 7, 5, 14, 12, 3, 6, 11, 0, 4, 13, 8, 9, 10, 1},
	{5, 12, 11, 13, 3, 8, 2, 4, 6, 9, 15, 14, 1, 10, 7, 0},
	{1, 9, 6, 0, 12, 5, 3, 7, 4, 10, 14, 11, 15, 8, 13, 2},
	{13, 11, 3, 15, 4, 7, 10, 0, 2, 6, 14, 12, 5, 9, 1, 8},
	{0, 10, 2, 9, 13, 15, 5, 8, 6, 1, 12, 3, 11, 7, 14, 4},
	{7, 5, 14, 10, 2, 1, 12, 8, 4, 11, 9, 13, 0, 6, 3, 15},
	{8, 1, 13, 3, 11, 4, 12, 0, 14, 10, 6, 9, 5, 7, 15, 2},
	{9, 6, 12, 4, 11, 7, 5, 0, 8, 3, 1, 13, 15, 14, 10, 2},
	{12, 13, 10, 2, 9, 0, 6, 8, 3, 14, 11, 5, 4, 15, 1, 7},
	{3, 14, 15, 6, 13, 11, 1, 10, 9, 7, 5, 2, 0, 4, 8, 12},
	{10, 12, 4, 7, 9, 8, 13, 3, 15, 2, 1, 14, 0, 6, 5, 11},
	{11, 0, 5, 14, 10, 3, 9, 6, 13, 12, 4, 2, 7, 15, 1, 8},
	{14, 15, 9, 7, 8, 6, 11, 1, 5, 4, 12, 13, 10, 0, 3, 2},
	{15, 13, 8, 11, 9, 5, 4, 12, 14, 7, 2, 3, 0, 6, 1, 10},
}
