# Images, rolling out, and the tests of both.

DEPLOYER ?= $(BUILD)/deployer
PORTAL_IMAGE ?= ai-stack-deployer
STACK_TAG ?= ai-stack
# What the new portal calls itself at /ready: the commit, marked when the tree differs from it.
RELEASE ?= $(shell git describe --tags --always --dirty=-changed 2>/dev/null || echo dev)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
# 1: with oh-my-opencode, whose licence forbids paid use. 0: without.
PLUGIN ?= 1
# Bases other than those in the Dockerfiles; `make bases` makes them where neither can be pulled.
PORTAL_BASE_IMAGE ?=
STACK_BASE_IMAGE ?=
DOCKER_BUILD := docker build --network host

.PHONY: image stack-image bases deploy rollback test-stack test-ops test-docker

image: ## the portal's image; PORTAL_IMAGE=, RELEASE=, IMAGE_TESTS=1 runs the tests inside
	$(DOCKER_BUILD) $(if $(PORTAL_BASE_IMAGE),--build-arg BASE_IMAGE=$(PORTAL_BASE_IMAGE)) $(if $(IMAGE_TESTS),--build-arg TESTS=$(IMAGE_TESTS)) \
	  --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) --build-arg RELEASE=$(RELEASE) -t $(PORTAL_IMAGE):$(RELEASE) .

stack-image: ## the image that people get; STACK_TAG=, PLUGIN=0 leaves oh-my-opencode out
	$(DOCKER_BUILD) $(if $(STACK_BASE_IMAGE),--build-arg BASE_IMAGE=$(STACK_BASE_IMAGE)) --build-arg PLUGIN=$(PLUGIN) \
	  --build-arg VERSION=$(RELEASE) --build-arg REVISION=$(REVISION) -t $(STACK_TAG):$(RELEASE) stack

bases: ## makes both base images out of Debian's and npm's packages
	@tools/bases.sh debian
	@tools/bases.sh bun

deploy: $(DEPLOYER) image ## builds, pushes and rolls out through Dokploy; goes back by itself. PORTAL_IMAGE=registry/name
	docker push $(PORTAL_IMAGE):$(RELEASE)
	$(DEPLOYER) rollout --image $(PORTAL_IMAGE):$(RELEASE) --release $(RELEASE) $(ROLLOUT)

rollback: $(DEPLOYER) ## brings the good release before this one back
	$(DEPLOYER) rollback $(ROLLOUT)

test-stack: ## the stack's configuration and models; MODELS=live asks the vendor's list of today
	@tools/opencode.sh $(BUILD)/stack
	@STACK_PACKAGES=$(abspath $(BUILD)/stack) tools/test.sh stack '$(T)'

test-ops: $(DEPLOYER) ## metrics, alerts, dashboard, and the programs for operators
	@PROMTOOL="$$(tools/promtool.sh $(BUILD)/promtool)" DEPLOYER=$(abspath $(DEPLOYER)) tools/test.sh ops '$(T)'

test-docker: ## builds and runs both images; needs a Docker engine, and says so where there is none
	@tools/setup.sh test
	@tools/test_docker.sh '$(T)'
