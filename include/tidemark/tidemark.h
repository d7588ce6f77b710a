// All of Tidemark's API for jobs.
#pragma once

#include "tidemark/aggregate.h"
#include "tidemark/collect.h"
#include "tidemark/error.h"
#include "tidemark/files.h"
#include "tidemark/format.h"
#include "tidemark/functions.h"
#include "tidemark/generator.h"
#include "tidemark/job.h"
#include "tidemark/print.h"
#include "tidemark/schema.h"
#include "tidemark/sink.h"
#include "tidemark/source.h"
#include "tidemark/state.h"
#include "tidemark/stream.h"
#include "tidemark/time.h"
#include "tidemark/window.h"
