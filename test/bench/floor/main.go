// The floor of the benchmark: a plain client in Go. Per job it creates one custom resource, and the pod that this owns,
// with one HTTP/2 connection, and with protobuf where the API server takes it.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"syscall"
	"time"

	core "k8s.io/api/core/v1"
	meta "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
)

const inFlight = 64

// The task, as JSON on standard input.
type task struct {
	Server, CAFile, Token, Namespace string
	// The custom resource of every job, without its name, and where it is created.
	Object map[string]any
	Path   string
	// The pod of every object; none if it is absent.
	Pod *core.PodSpec
	// Jobs that do not count, and those that do.
	WarmUp, Jobs int
	// Start jobs at random moments, with this mean rate; 0: 64 in flight.
	PerSecond float64
}

// The outcome, as JSON on standard output.
type outcome struct {
	// Jobs per second.
	Rate float64 `json:"rate"`
	// Per job, in milliseconds: from the response to its object until the response to its pod.
	PodMs []float64 `json:"podMs"`
	// Of the whole process.
	CPUSeconds float64 `json:"cpuSeconds"`
	PeakRSSMB  float64 `json:"peakRssMb"`
}

func main() {
	var given task
	err := json.NewDecoder(os.Stdin).Decode(&given)
	if err == nil {
		err = given.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func (t task) run() error {
	c, err := t.connect()
	if err != nil {
		return err
	}
	if _, err := c.all(t.WarmUp, c.eachAtOnce); err != nil {
		return err
	}
	pace := c.eachAtOnce
	if t.PerSecond > 0 {
		pace = c.atRandom
	}
	begun := time.Now()
	podMs, err := c.all(t.Jobs, pace)
	if err != nil {
		return err
	}
	done := outcome{Rate: float64(t.Jobs) / time.Since(begun).Seconds(), PodMs: podMs}
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return err
	}
	done.CPUSeconds = seconds(used.Utime) + seconds(used.Stime)
	done.PeakRSSMB = float64(used.Maxrss) * 1024 / 1e6
	return json.NewEncoder(os.Stdout).Encode(done)
}

func seconds(of syscall.Timeval) float64 {
	return float64(of.Sec) + float64(of.Usec)/1e6
}

type client struct {
	task
	objects, pods *rest.RESTClient
}

func (t task) connect() (*client, error) {
	config := &rest.Config{Host: t.Server, BearerToken: t.Token, QPS: -1, UserAgent: "runnerhub-floor"}
	config.CAFile = t.CAFile
	http, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	config.GroupVersion = &schema.GroupVersion{Version: "v1"}
	config.APIPath = "/api"
	objects, err := rest.RESTClientForConfigAndClient(config, http)
	if err != nil {
		return nil, err
	}
	protobuf := rest.CopyConfig(config)
	protobuf.ContentType = "application/vnd.kubernetes.protobuf"
	pods, err := rest.RESTClientForConfigAndClient(protobuf, http)
	return &client{task: t, objects: objects, pods: pods}, err
}

// When the next job starts; it returns at the end of all.
type pace func(jobs int, do func(job int))

// Does all jobs at a pace. Returns how long each waited for its pod, and the first error.
func (c *client) all(jobs int, each pace) ([]float64, error) {
	podMs := make([]float64, jobs)
	var mutex sync.Mutex
	var first error
	each(jobs, func(job int) {
		took, err := c.one()
		podMs[job] = took.Seconds() * 1000
		if err != nil {
			mutex.Lock()
			defer mutex.Unlock()
			if first == nil {
				first = err
			}
		}
	})
	return podMs, first
}

func (c *client) eachAtOnce(jobs int, do func(job int)) {
	next := make(chan int)
	var workers sync.WaitGroup
	for range inFlight {
		workers.Go(func() {
			for job := range next {
				do(job)
			}
		})
	}
	for job := range jobs {
		next <- job
	}
	close(next)
	workers.Wait()
}

// Random arrivals (Poisson), whatever has become of the earlier ones.
func (c *client) atRandom(jobs int, do func(job int)) {
	random := rand.New(rand.NewPCG(1, uint64(c.PerSecond)))
	at := time.Now()
	var started sync.WaitGroup
	for job := range jobs {
		at = at.Add(time.Duration(random.ExpFloat64() / c.PerSecond * float64(time.Second)))
		time.Sleep(time.Until(at))
		started.Go(func() { do(job) })
	}
	started.Wait()
}

// Creates the objects of one job. Returns the time between the two responses.
func (c *client) one() (time.Duration, error) {
	name := newName()
	body, err := json.Marshal(withName(c.Object, name))
	if err != nil {
		return 0, err
	}
	request := c.objects.Post().AbsPath(c.Path).SetHeader("Content-Type", "application/json").Body(body)
	response, err := request.DoRaw(context.Background())
	if err != nil || c.Pod == nil {
		return 0, err
	}
	answered := time.Now()
	var made meta.PartialObjectMetadata
	if err := json.Unmarshal(response, &made); err != nil {
		return 0, err
	}
	err = c.pods.Post().Namespace(c.Namespace).Resource("pods").Body(podOf(&made, *c.Pod)).Do(context.Background()).Error()
	return time.Since(answered), err
}

func withName(object map[string]any, name string) map[string]any {
	named := map[string]any{"metadata": map[string]any{"name": name}}
	for field, value := range object {
		named[field] = value
	}
	return named
}

// Random, so that several runs fit into one namespace.
func newName() string {
	return fmt.Sprintf("job-%016x", rand.Uint64())
}

// A pod with an owner that has it collected.
func podOf(owner *meta.PartialObjectMetadata, spec core.PodSpec) *core.Pod {
	isController := true
	return &core.Pod{
		ObjectMeta: meta.ObjectMeta{
			Name: owner.Name,
			OwnerReferences: []meta.OwnerReference{{
				APIVersion: owner.APIVersion, Kind: owner.Kind, Name: owner.Name, UID: owner.UID, Controller: &isController,
			}},
		},
		Spec: spec,
	}
}
