// What a pod of the platform's tests runs: `serve` answers on port 8080, `check NAME` looks NAME up, asks it, and writes to /data.
package main

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"time"
)

func main() {
	if os.Args[1] == "serve" {
		http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hello") })
		log.Fatal(http.ListenAndServe(":8080", nil))
	}
	if _, err := net.LookupHost(os.Args[2]); err != nil {
		log.Fatal(err)
	}
	fmt.Println("answer:", ask("http://"+os.Args[2]+":8080/"))
	if err := os.WriteFile("/data/file", []byte("written"), 0o644); err != nil {
		log.Fatal(err)
	}
	fmt.Println("written by:", os.Getuid())
}

// A Service has no address to forward to until its pod is ready.
func ask(url string) string {
	for range 60 {
		if response, err := http.Get(url); err == nil {
			body, _ := io.ReadAll(response.Body)
			return string(body)
		}
		time.Sleep(500 * time.Millisecond)
	}
	return "none"
}
