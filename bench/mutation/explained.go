package main

// explained are the rules that no test misses, and why they stay all the same.
var explained = map[string]string{}
