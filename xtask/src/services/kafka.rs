//! One Kafka node (broker and controller in one), run from jars that Maven copies.

use std::{fs, net::TcpStream, path::PathBuf, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};

use super::{
    free_ports,
    process::{Background, wait_until},
};
use crate::system::{install, on_path, run_quietly, workspace};

/// Any UUID will do: the data never outlives the node.
const CLUSTER_ID: &str = "YmFja3N0aXRjaC10ZXN0cw";

/// The node of one checkout.
pub(super) struct Kafka {
    root: PathBuf,
    process: Background,
}

impl Kafka {
    pub(super) fn new(root: PathBuf) -> Self {
        let properties = root.join("server.properties").display().to_string();
        let process = Background::new(root.join("pid"), properties);
        Self { root, process }
    }

    pub(super) fn is_running(&self) -> bool {
        self.process.pid().is_some()
    }

    /// Starts an empty node and returns its address.
    pub(super) fn start(&self) -> Result<String> {
        self.stop()?;
        self.fetch()?;
        let [port, controller_port] = free_ports()?;
        fs::write(self.root.join("server.properties"), self.properties(port, controller_port))?;
        let format = ["format", "--standalone", "-t", CLUSTER_ID, "-c"];
        run_quietly(
            self.java("kafka.tools.StorageTool").args(format).arg(self.root.join("server.properties")),
        )?;

        let log = self.root.join("kafka.log");
        let properties = self.root.join("server.properties");
        self.process.start(self.java("kafka.Kafka").arg(properties), &log).context("Kafka")?;
        let address = format!("127.0.0.1:{port}");
        let mut answers = false;
        wait_until(Duration::from_secs(60), || {
            answers = TcpStream::connect(&address).is_ok();
            answers || !self.is_running()
        });
        if !answers {
            let said = fs::read_to_string(&log).unwrap_or_default();
            self.stop()?;
            bail!("Kafka did not start:\n{said}");
        }
        Ok(address)
    }

    /// Stops the node and deletes its data.
    pub(super) fn stop(&self) -> Result<()> {
        self.process.stop().context("Kafka")?;
        let data = self.root.join("data");
        if data.exists() {
            fs::remove_dir_all(&data).context("cannot delete Kafka's data")?;
        }
        Ok(())
    }

    /// Copies the jars, once.
    fn fetch(&self) -> Result<()> {
        let complete = self.root.join("jars.complete");
        if on_path("java").is_none() || (!complete.exists() && on_path("mvn").is_none()) {
            install(&["default-jre-headless", "maven"])?;
        }
        if complete.exists() {
            return Ok(());
        }
        fs::create_dir_all(&self.root)?;
        eprintln!("fetching Kafka with Maven");
        run_quietly(
            Command::new("mvn")
                .args(["-q", "-B", "-f"])
                .arg(workspace().join("deploy/services/kafka/pom.xml"))
                .args(["dependency:copy-dependencies", "-DincludeScope=runtime"])
                .arg(format!("-DoutputDirectory={}", self.root.join("jars").display())),
        )?;
        fs::write(complete, "")?;
        Ok(())
    }

    fn java(&self, class: &str) -> Command {
        let mut java = Command::new("java");
        java.args(["-Xmx512m", "-XX:+UseSerialGC", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp"])
            .arg(self.root.join("jars").join("*"))
            .arg(class)
            .current_dir(&self.root);
        java
    }

    /// Everything on loopback and once; as quick to answer as a node can be.
    fn properties(&self, port: u16, controller_port: u16) -> String {
        format!(
            "\
process.roles=broker,controller
node.id=1
controller.quorum.bootstrap.servers=127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
message.max.bytes=16777216
log.cleaner.dedupe.buffer.size=16777216
log.cleaner.backoff.ms=500
",
            data = self.root.join("data").display(),
        )
    }
}
