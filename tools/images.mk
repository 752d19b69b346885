# Builds both images, rolls the portal out, and tests both.

DEPLOYER ?= $(BUILD)/deployer
PORTAL_IMAGE ?= ai-stack-deployer
STACK_TAG ?= ai-stack
# The release that /ready reports: the commit, with a suffix when the tree has changes.
RELEASE ?= $(shell git describe --tags --always --dirty=-changed 2>/dev/null || echo dev)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null || echo unknown)
# 1: with oh-my-opencode, whose licence forbids paid use. 0: without.
PLUGIN ?= 1
# Other base images than the Dockerfiles'; `make bases` builds them where those cannot be pulled.
PORTAL_BASE_IMAGE ?=
STACK_BASE_IMAGE ?=
DOCKER_BUILD := docker build --network host --build-arg REVISION=$(REVISION)
# $(call build_arg,NAME,VALUE): nothing for an empty value
build_arg = $(if $(2),--build-arg $(1)=$(2))

.PHONY: image stack-image bases deploy rollback test-stack test-ops test-docker

image: ## build the portal's image; PORTAL_IMAGE=, RELEASE=, IMAGE_TESTS=1
	$(DOCKER_BUILD) --build-arg VERSION=$(VERSION) --build-arg RELEASE=$(RELEASE) \
	  $(call build_arg,BASE_IMAGE,$(PORTAL_BASE_IMAGE)) $(call build_arg,TESTS,$(IMAGE_TESTS)) \
	  -t $(PORTAL_IMAGE):$(RELEASE) .

stack-image: ## build the workspace image; STACK_TAG=, PLUGIN=0 omits oh-my-opencode
	$(DOCKER_BUILD) --build-arg VERSION=$(RELEASE) --build-arg PLUGIN=$(PLUGIN) \
	  $(call build_arg,BASE_IMAGE,$(STACK_BASE_IMAGE)) -t $(STACK_TAG):$(RELEASE) stack

bases: ## build both base images from Debian's and npm's packages
	@tools/bases.sh debian
	@tools/bases.sh bun

deploy: $(DEPLOYER) image ## build, push and roll out through Dokploy; PORTAL_IMAGE=registry/name
	docker push $(PORTAL_IMAGE):$(RELEASE)
	$(DEPLOYER) rollout --image $(PORTAL_IMAGE):$(RELEASE) --release $(RELEASE) $(ROLLOUT)

rollback: $(DEPLOYER) ## restore the last good release
	$(DEPLOYER) rollback $(ROLLOUT)

test-stack: ## test the workspace's configuration; MODELS=live fetches the vendor's model list
	@tools/opencode.sh $(BUILD)/stack
	@STACK_PACKAGES=$(abspath $(BUILD)/stack) tools/test.sh stack '$(T)'

test-ops: $(DEPLOYER) ## test metrics, alerts, the dashboard and the operators' commands
	@PROMTOOL="$$(tools/promtool.sh $(BUILD)/promtool)" DEPLOYER=$(abspath $(DEPLOYER)) \
	  tools/test.sh ops '$(T)'

test-docker: ## build and run both images; skipped where there is no Docker engine
	@tools/setup.sh test
	@tools/test_docker.sh '$(T)'
